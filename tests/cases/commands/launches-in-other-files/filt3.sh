echo "sglang serve --tp 8" | tr 8 4 > g.sh
chmod +x g.sh
./g.sh
