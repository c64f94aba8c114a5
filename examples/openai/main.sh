#!/usr/bin/env bash
# OpenAI's Images API at Easel with curl: draw, change, stream, and read what is left.
#
#     EASEL_URL=http://localhost:8000 EASEL_KEY=easel_test_... ./main.sh [folder]
set -euo pipefail
cd "${1:-.}"

base="${EASEL_URL%/}/openai/v1"
model="gemini-2.5-flash-image"

easel() {
    curl --silent --show-error --fail-with-body -H "Authorization: Bearer $EASEL_KEY" "$@"
}
# The picture of an answer, to a file. With jq it is: jq -r '.data[0].b64_json' | base64 -d
picture() {
    sed 's/.*"b64_json":"\([^"]*\)".*/\1/' | base64 -d > "$1"
    echo "wrote $1"
}

easel "$base/images/generations" -H 'Content-Type: application/json' \
    -d "{\"model\": \"$model\", \"prompt\": \"A lighthouse at dusk\", \"aspect_ratio\": \"16:9\"}" |
    picture drawn.png

easel "$base/images/edits" \
    -F model="$model" -F prompt="The same in the snow" -F image=@drawn.png -F output_format=jpeg |
    picture changed.jpg

easel "$base/images/edits" \
    -F model="$model" -F prompt="Both in one picture" -F 'image[]=@drawn.png' -F 'image[]=@changed.jpg' |
    picture both.png

# A stream names its generation first; who is cut off reads it at /v1/generations/<id>.
easel --no-buffer "$base/images/generations" -H 'Content-Type: application/json' \
    -d "{\"model\": \"$model\", \"prompt\": \"A paper boat\", \"stream\": true}" |
    cut -c -100

easel "$base/credits"
echo
