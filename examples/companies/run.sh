#!/usr/bin/env bash
# Brings the companies that changed in Sage since the last run into the accounts of SSM. Ends as the worse of both did.
set -uo pipefail
cd "$(dirname "$0")" || exit

since=()
[ -s state.json ] && since=(--state state.json)
source-sage100 read --config sage100.json --catalog catalog.json ${since[@]+"${since[@]}"} |
    tee source.jsonl |
    destination-ssm write --config ssm.json --catalog catalog.json >destination.jsonl
ended=$?

# What SSM holds for certain: the last state that the destination gave back, also where it failed later.
if last=$(grep '^{"type":"STATE"' destination.jsonl | tail -n 1) && [ -n "$last" ]; then
    sed 's/^{"type":"STATE","state":\(.*\)}$/[\1]/' <<<"$last" >state.new && mv state.new state.json
fi
# Why it failed, in a sentence; all that both said is in the two files.
if [ $ended -ne 0 ]; then
    sed -n 's/^{"type":"TRACE".*"error":{"message":"\(\([^"\\]\|\\.\)*\)".*/\1/p' source.jsonl destination.jsonl | sort -u >&2
fi
exit $ended
