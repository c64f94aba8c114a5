#!/bin/sh
# Have a picture of your own redrawn in EvoLink's words, with curl and jq.
#
#   EASEL_URL=http://127.0.0.1:8000 EASEL_KEY=easel_test_... sh restyle.sh photo.png "As a watercolour"
set -eu
base="${EASEL_URL%/}/evolink"
picture=$1
prompt=${2:-The same scene as a watercolour}

# Prints the answer; an error goes to standard error and ends the program.
api() {
    answer=$(curl -sS --fail-with-body -H "Authorization: Bearer $EASEL_KEY" "$@") ||
        { printf '%s\n' "$answer" >&2; return 1; }
    printf '%s' "$answer"
}
json() { api -H 'Content-Type: application/json' "$@"; }
of_task() { printf '%s' "$task" | jq -r "$1"; }

file=$(api "$base/api/v1/files/upload/stream" -F "file=@$picture" -F uploadPath=examples)
image=$(printf '%s' "$file" | jq -r .data.file_url)
echo "uploaded $image"

order=$(jq -n --arg prompt "$prompt" --arg image "$image" \
    '{model: "gemini-2.5-flash-image", prompt: $prompt, image_urls: [$image]}')
task=$(json "$base/v1/images/generations" -d "$order")
id=$(of_task .id)
echo "task $id"

tries=0
while status=$(of_task .status) && [ "$status" != completed ]; do
    [ "$status" != failed ] || { of_task .error.message >&2; exit 1; }
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "$id is not ready after five minutes" >&2; exit 1; }
    sleep 3
    task=$(json "$base/v1/tasks/$id")
done

curl -sS --fail -o result.png "$(of_task '.results[0]')"
echo "saved result.png for $(of_task .usage.credits_used) credits"

tasks=$(json "$base/v1/tasks?page_size=5")
printf '%s' "$tasks" | jq -r '.data[] | "\(.id) \(.status)"'
left=$(json "$base/v1/credits")
printf '%s' "$left" | jq -r '"left: \(.data.user.remaining_credits) credits"'
