#!/usr/bin/env bash
# Google's Gemini API at Easel with curl: draw, change in a conversation, stream.
#
#     EASEL_URL=http://localhost:8000 EASEL_KEY=easel_test_... ./paint.sh [folder]
set -euo pipefail
cd "${1:-.}"

model="${EASEL_URL%/}/gemini/v1beta/models/gemini-2.5-flash-image"

# Prints the answer; an error goes to standard error and ends the program.
easel() {
    local answer
    answer=$(curl --silent --show-error --fail-with-body -H "x-goog-api-key: $EASEL_KEY" \
        -H 'Content-Type: application/json' "$@") || { printf '%s\n' "$answer" >&2; return 1; }
    printf '%s\n' "$answer"
}
# The picture of an answer, to a file. With jq: jq -r '.candidates[0].content.parts[-1].inlineData.data'
picture() {
    sed 's/.*"inlineData":{[^}]*"data":"\([^"]*\)".*/\1/' | base64 -d > "$1" && echo "wrote $1"
}

easel "$model:generateContent" -d '{
  "contents": [{"role": "user", "parts": [{"text": "A lighthouse at dusk"}]}],
  "generationConfig": {"imageConfig": {"aspectRatio": "3:2"}, "responseModalities": ["IMAGE"]}
}' | picture drawn.png

# The next turn sends the first one along, as the model answered it.
cat > turn.json <<TURN
{
  "contents": [
    {"role": "user", "parts": [{"text": "A lighthouse at dusk"}]},
    {"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": "$(base64 < drawn.png | tr -d '\n')"}}]},
    {"role": "user", "parts": [{"text": "The same in the snow"}]}
  ]
}
TURN
easel "$model:generateContent" -d @turn.json | picture changed.png

# A stream names its generation in a header as soon as the price is held; who is cut off reads it at
# /v1beta/generations/<id>.
easel --dump-header headers.txt "$model:streamGenerateContent?alt=sse" -d '{
  "contents": [{"parts": [{"text": "A paper boat"}]}]
}' | cut -c -100
grep -i '^x-easel-generation' headers.txt

easel "$model:countTokens" -d '{"contents": [{"parts": [{"text": "A lamp"}]}]}'
echo
