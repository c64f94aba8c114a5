#!/bin/sh
# Draw one picture in ToAPIs' words with curl and jq.
#
#   EASEL_URL=http://127.0.0.1:8000 EASEL_KEY=easel_test_... sh draw.sh "A red lamp on a desk"
set -eu
base="${EASEL_URL%/}/toapis"
model=gemini-2.5-flash-image-official

# Prints the answer; an error goes to standard error and ends the program.
api() {
    answer=$(curl -sS --fail-with-body -H "Authorization: Bearer $EASEL_KEY" \
        -H 'Content-Type: application/json' "$@") || { printf '%s\n' "$answer" >&2; return 1; }
    printf '%s' "$answer"
}
of_task() { printf '%s' "$task" | jq -r "$1"; }

order=$(jq -n --arg model "$model" --arg prompt "${1:-A red lamp on a desk}" \
    '{model: $model, prompt: $prompt, size: "1:1"}')
task=$(api "$base/v1/images/generations" -d "$order")
id=$(of_task .id)
echo "task $id"

tries=0
while status=$(of_task .status) && [ "$status" != completed ]; do
    [ "$status" != failed ] || { of_task . >&2; exit 1; }
    tries=$((tries + 1))
    [ "$tries" -lt 120 ] || { echo "$id is not ready after two minutes" >&2; exit 1; }
    sleep 1
    task=$(api "$base/v1/images/generations/$id")
done

curl -sS --fail -o picture.png "$(of_task .url)"
echo "saved picture.png for $(of_task .billing.credits) credits"
