#!/usr/bin/env bash
# Generates the Python code of every proto into the folder given (default libs/gen).
set -euo pipefail
out=${1:-libs/gen}
bin=${BIN:-.venv/bin}
image=$(mktemp)
trap 'rm -f "$image"' EXIT
"$bin/buf" build protos --as-file-descriptor-set -o "$image#format=binpb"
rm -rf "$out/labelmill" "$out/buf"
mapfile -t files < <(cd protos && find labelmill buf -name '*.proto' | sort)
mapfile -t ours < <(cd protos && find labelmill -name '*.proto' | sort)
"$bin/python" -m grpc_tools.protoc --descriptor_set_in="$image" \
  --python_out="$out" --pyi_out="$out" "${files[@]}"
"$bin/python" -m grpc_tools.protoc --descriptor_set_in="$image" --grpc_python_out="$out" "${ours[@]}"
# A service file without a service holds nothing.
find "$out" -name '*_pb2_grpc.py' | while read -r file; do
  grep -q '^class ' "$file" || rm "$file"
done
find "$out/labelmill" "$out/buf" -type d -exec touch {}/__init__.py \;
