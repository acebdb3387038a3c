#!/usr/bin/env bash
# Write the companies that changed in Sage since the last run to the accounts of SSM. Fails if either connector fails.
set -uo pipefail
cd "$(dirname "$0")" || exit

since=()
[ -s state.json ] && since=(--state state.json)
source-sage100 read --config sage100.json --catalog catalog.json ${since[@]+"${since[@]}"} |
    tee source.jsonl |
    destination-ssm write --config ssm.json --catalog catalog.json >destination.jsonl
ended=$?

# What SSM has for certain: the last state that the destination returned, even if it failed later.
if last=$(grep '^{"type":"STATE"' destination.jsonl | tail -n 1) && [ -n "$last" ]; then
    sed 's/^{"type":"STATE","state":\(.*\)}$/[\1]/' <<<"$last" >state.new && mv state.new state.json
fi
# Why it failed, in a sentence; the complete output of both is in the two files.
if [ $ended -ne 0 ]; then
    sed -n 's/^{"type":"TRACE".*"error":{"message":"\(\([^"\\]\|\\.\)*\)".*/\1/p' source.jsonl destination.jsonl | sort -u >&2
fi
exit $ended
