#!/usr/bin/env bash
# Ask a running service with curl: examples/curl.sh [ADDRESS] [TEXT]
set -euo pipefail
address=${1:-http://127.0.0.1:8000}
text=${2:-federated learning on small devices}

# --fail-with-body: exit with an error for 4xx and 5xx, and print the problem details
ask() { curl --silent --show-error --fail-with-body "$@" && echo; }

# By text; --data-urlencode encodes spaces and Chinese characters
ask --get "$address/search" --data-urlencode "q=$text" --data top_k=3

# The same as JSON, with the matching sentences
ask "$address/search" --header 'Content-Type: application/json' --data '{"q": "drum music", "top_k": 1, "why": true}'

# The first paper of the corpus
ask --get "$address/papers" --data limit=1
