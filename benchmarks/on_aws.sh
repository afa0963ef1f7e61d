#!/usr/bin/env bash
# Cold starts on the real Lambda: each example inline, bundled and remote; then, of what is planned
# for it, what a trace there sees beside one here, and its memory sizes.
#
# What the local Lambda cannot tell: how fast a fresh environment reads /var/task, and how fast it
# reads S3. The planner's constants (src/hotpack/layout/cost.py) can be set from what this prints,
# and whether the init phase of a heavy import has all the CPU at any memory (docs/tuning.md).
#
#   benchmarks/on_aws.sh BUCKET [ROUNDS] [EXAMPLE...] > cold-starts.md
#
# BUCKET is one of yours, in the region of AWS_REGION. Credentials, region and profile come as for
# the AWS CLI. It makes a function and a role for each way, named hotpack-bench-..., and removes
# them when it ends, however it ends; packs stay in the bucket for `hotpack gc`. A round is one cold
# start: ten rounds of all examples cost some cents. Nobody has run it on an account yet; a test runs
# it for a small project against moto, whose functions run in the local Lambda.
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

hotpack() {
  "$bin/hotpack" "$@" --project "$project" --env "$placement"
}

for example in "$@"; do
  case $example in
    */*) source=$example example=$(basename "$example") ;;
    *) source=$here/examples/$example ;;
  esac
  project=$work/$example
  mkdir "$project"
  (cd "$source" && find . -path ./.hotpack -prune -o -type f -print0 |
    xargs -0 cp --parents -t "$project")
  for placement in inline bundled remote planned; do
    cat >>"$project/pyproject.toml" <<TOML

[tool.hotpack.env.$placement]
function = "hotpack-bench-$example-$placement"
bucket = "$bucket"
region = "$region"
TOML
    [ "$placement" = planned ] || cat >>"$project/pyproject.toml" <<TOML
[tool.hotpack.env.$placement.place]
"*" = "$placement"
TOML
  done
  for placement in inline bundled remote planned; do
    echo "== $example, $placement" >&2
    made+=("hotpack-bench-$example-$placement")
    result=$work/$example-$placement
    if hotpack deploy --create-role --yes --json >"$result.deploy.json"; then
      cp "$project/.hotpack/build/release.json" "$result.release.json"
      hotpack bench --remote --rounds "$rounds" --json >"$result.json" || rm "$result.json"
    fi
  done
  result=$work/$example-trace # there before here: a profile changes what is built
  hotpack trace --remote --json >"$result-there.json" || rm "$result-there.json"
  hotpack trace --json >"$result-here.json" || rm "$result-here.json"
  hotpack tune --remote --sizes 512,1024,1769,3008,10240 --json >"$work/$example-tune.json" ||
    rm "$work/$example-tune.json"
  echo "$example" >>"$work/names"
done

"$bin/python" - "$work" <<'PYTHON'
import json
import sys
from pathlib import Path
from statistics import median

work = Path(sys.argv[1])
examples = (work / "names").read_text().split()


def read(name):
    path = work / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() and path.read_text() else None


def table(head, rows):
    print(f"| {head} |", "|---" * (head.count("|") + 1) + "|", *rows, "", sep="\n")


def starts(example, placement):
    result, release = read(f"{example}-{placement}"), read(f"{example}-{placement}.release")
    if result is None:
        error = (read(f"{example}-{placement}.deploy") or {}).get("error", "")
        return f"| {example} | {placement} | not measured: {error} | | | | | |"
    rows = result["cold_starts"]
    init = [row["init_ms"] for row in rows if row["init_ms"] is not None]
    told = f"{median(init):.0f} ms ({min(init):.0f} to {max(init):.0f})" if init else "stopped"
    return (
        f"| {example} | {placement} | {release['package_bytes'] / 1e6:.1f} MB "
        f"| {len(release['remote_packs'])} | {release['memory_mb']} MB | {told} "
        f"| {median(row['duration_ms'] for row in rows):.0f} ms "
        f"| {max(row['max_memory_mb'] for row in rows)} MB |"
    )


def traced(example):
    there, here = read(f"{example}-trace-there"), read(f"{example}-trace-here")
    if there is None or here is None:
        return f"| {example} | not traced | | | |"
    native = len(here["native"])
    told = f"{here['init_ms']:.0f} ms | {there['init_ms']:.0f} ms"
    return f"| {example} | {there['read_files']} | {here['read_files']} | {native} | {told} |"


def sizes(example):
    for row in (read(f"{example}-tune") or {"sizes": []})["sizes"]:
        if row["failure"]:
            yield f"| {example} | {row['memory_mb']} MB | {row['failure']} | | |"
            continue
        init = "stopped" if row["init_ms"] is None else f"{row['init_ms']:.0f} ms"
        told = f"{row['cold_start_ms']:.0f} ms | {row['warm_ms']:.1f} ms"
        yield f"| {example} | {row['memory_mb']} MB | {init} | {told} |"


placements = ("inline", "bundled", "remote", "planned")
table(
    "example | placement | unzipped | packs on S3 | memory | init | first invocation | max memory",
    [starts(example, placement) for example in examples for placement in placements],
)
table(
    "example | files read there | here | by C code alone, here | init here | init there",
    map(traced, examples),
)
table(
    "example | memory | init | cold start | warm",
    [row for example in examples for row in sizes(example)],
)
PYTHON
