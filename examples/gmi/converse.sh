#!/bin/sh
# Draw a picture in GMI Cloud's words and change it in a second turn, with curl and jq.
#
#   EASEL_URL=http://127.0.0.1:8000 EASEL_KEY=easel_test_... sh converse.sh "A red lamp" "Make it blue"
set -eu
queue="${EASEL_URL%/}/gmi/api/v1/ie/requestqueue/apikey"
model=gemini-2.5-flash-image

# Prints the answer; an error goes to standard error and ends the program.
api() {
    answer=$(curl -sS --fail-with-body -H "Authorization: Bearer $EASEL_KEY" \
        -H 'Content-Type: application/json' "$@") || { printf '%s\n' "$answer" >&2; return 1; }
    printf '%s' "$answer"
}
of_record() { printf '%s' "$record" | jq -r "$@"; }

# Submits a request, waits until it is final, saves its picture; $record is then its record.
draw() {
    record=$(api "$queue/requests" -d "$1")
    tries=0
    while status=$(of_record .status) && [ "$status" != success ]; do
        case "$status" in failed | cancelled) of_record . >&2; exit 1 ;; esac
        tries=$((tries + 1))
        [ "$tries" -lt 120 ] || { echo "not ready after two minutes" >&2; exit 1; }
        sleep 1
        record=$(api "$queue/requests/$(of_record .request_id)")
    done
    curl -sS --fail -o "$2" "$(of_record '.outcome.media_urls[0].url')"
    echo "saved $2"
}

first=$(jq -n --arg model "$model" --arg prompt "${1:-A red lamp on a desk}" \
    '{model: $model, payload: {prompt: $prompt}}')
draw "$first" turn-1.png

# The answer's conversation, with its last turn filled in, is the next request.
second=$(of_record --arg model "$model" --arg words "${2:-Make it blue}" \
    '{model: $model, payload: {contents: (.next_turn_contents | .[-1].parts[0].text = $words)}}')
draw "$second" turn-2.png
