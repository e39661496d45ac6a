cd /usr
export WHERE=$PWD
cd - > /dev/null
pushd / > /dev/null
export ROOT_DIR=$(pwd)
popd > /dev/null
python3 -m sglang.launch_server
