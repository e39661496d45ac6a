	export	A=1
	python3	-m	sglang.launch_server	--tabs	x
