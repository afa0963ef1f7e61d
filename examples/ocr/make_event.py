"""Draws the picture of the sample event, which is committed, so nobody has to run this.

uv run --no-project --with pillow make_event.py
"""

import base64
import io
import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

EVENTS = Path(__file__).parent / "events"


def main() -> None:
    picture = Image.new("L", (320, 100), 255)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(32)
    draw.text((16, 8), "Hot files first,", 0, font)
    draw.text((16, 52), "cold on touch", 0, font)
    png = io.BytesIO()
    picture.save(png, "PNG", optimize=True)
    event = {"png": base64.b64encode(png.getvalue()).decode()}
    (EVENTS / "sentence.json").write_text(json.dumps(event, indent=2) + "\n")


if __name__ == "__main__":
    main()
