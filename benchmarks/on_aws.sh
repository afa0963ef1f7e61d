#!/usr/bin/env bash
# Cold starts on the real Lambda: each example inline, bundled and remote.
#
# What the local Lambda cannot tell: how fast a fresh environment reads /var/task, and how fast it
# reads S3. The planner's constants (src/hotpack/layout/cost.py) can be set from what this prints.
#
#   benchmarks/on_aws.sh BUCKET [ROUNDS] [EXAMPLE...] > cold-starts.md
#
# BUCKET is one of yours, in the region of AWS_REGION. Credentials, region and profile come as for
# the AWS CLI. It makes a function and a role for each way, named hotpack-bench-..., and removes
# them when it ends, however it ends; packs stay in the bucket for `hotpack gc`. A round is one cold
# start: ten rounds of all examples cost some cents. Nobody has run it on an account yet.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
bin=$here/.venv/bin
bucket=${1:?usage: benchmarks/on_aws.sh BUCKET [ROUNDS] [EXAMPLE...]}
rounds=${2:-10}
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- spacy scikit-learn torch tensorflow ocr
region=${AWS_REGION:-${AWS_DEFAULT_REGION:?set AWS_REGION}}
export AWS_DEFAULT_REGION=$region # the AWS CLI 1 knows no other

work=$(mktemp -d)
made=()

# shellcheck disable=SC2329 # called by the trap
clear_away() {
  set +e
  for function in "${made[@]}"; do
    role=hotpack-$function-$region
    role=${role:0:64}
    "$bin/aws" lambda delete-function --function-name "$function"
    "$bin/aws" iam delete-role-policy --role-name "$role" --policy-name hotpack
    "$bin/aws" iam delete-role --role-name "$role"
    "$bin/aws" logs delete-log-group --log-group-name "/aws/lambda/$function"
    if "$bin/aws" lambda get-function --function-name "$function"; then
      echo "not removed: the function $function" >&3
    fi
    if "$bin/aws" iam get-role --role-name "$role"; then
      echo "not removed: the role $role" >&3
    fi
  done 3>&2 >/dev/null 2>&1
  rm -rf "$work"
}
trap clear_away EXIT

for example in "$@"; do
  project=$work/$example
  mkdir "$project"
  (cd "$here/examples/$example" && find . -path ./.hotpack -prune -o -type f -print0 |
    xargs -0 cp --parents -t "$project")
  for placement in inline bundled remote; do
    cat >>"$project/pyproject.toml" <<TOML

[tool.hotpack.env.$placement]
function = "hotpack-bench-$example-$placement"
bucket = "$bucket"
region = "$region"
[tool.hotpack.env.$placement.place]
"*" = "$placement"
TOML
  done
  for placement in inline bundled remote; do
    echo "== $example, $placement" >&2
    made+=("hotpack-bench-$example-$placement")
    result=$work/$example-$placement
    if "$bin/hotpack" deploy --project "$project" --env "$placement" --create-role --yes --json \
      >"$result.deploy.json"; then
      cp "$project/.hotpack/build/release.json" "$result.release.json"
      "$bin/hotpack" bench --project "$project" --env "$placement" --remote --rounds "$rounds" \
        --json >"$result.json" || rm "$result.json"
    fi
  done
done

"$bin/python" - "$work" "$@" <<'PYTHON'
import json
import sys
from pathlib import Path
from statistics import median

work, examples = Path(sys.argv[1]), sys.argv[2:]
print("| example | placement | unzipped | packs on S3 | memory | init | first invocation | max memory |")
print("|---|---|---|---|---|---|---|---|")
for example in examples:
    for placement in ("inline", "bundled", "remote"):
        path = work / f"{example}-{placement}.json"
        if not path.is_file():
            why = work / f"{example}-{placement}.deploy.json"
            text = why.read_text() if why.is_file() else ""
            error = json.loads(text).get("error", "") if text else ""
            print(f"| {example} | {placement} | not measured: {error} | | | | | |")
            continue
        release = json.loads((work / f"{example}-{placement}.release.json").read_text())
        starts = json.loads(path.read_text())["cold_starts"]
        init, first = ([row[name] for row in starts] for name in ("init_ms", "duration_ms"))
        print(
            f"| {example} | {placement} | {release['package_bytes'] / 1e6:.1f} MB "
            f"| {len(release['remote_packs'])} | {release['memory_mb']} MB "
            f"| {median(init):.0f} ms ({min(init):.0f} to {max(init):.0f}) "
            f"| {median(first):.0f} ms | {max(row['max_memory_mb'] for row in starts)} MB |"
        )
PYTHON
