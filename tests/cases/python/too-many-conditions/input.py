args = []
if check(0):
    args.append("--a0")
if check(1):
    args.append("--a1")
if check(2):
    args.append("--a2")
if check(3):
    args.append("--a3")
if check(4):
    args.append("--a4")
if check(5):
    args.append("--a5")
if check(6):
    args.append("--a6")
if check(7):
    args.append("--a7")
if check(8):
    args.append("--a8")
if check(9):
    args.append("--a9")
if check(10):
    args.append("--a10")
if check(11):
    args.append("--a11")
if check(12):
    args.append("--a12")
if check(13):
    args.append("--a13")
if check(14):
    args.append("--a14")
if check(15):
    args.append("--a15")
if check(16):
    args.append("--a16")
if check(17):
    args.append("--a17")
if check(18):
    args.append("--a18")
if check(19):
    args.append("--a19")
if check(20):
    args.append("--a20")
if check(21):
    args.append("--a21")
if check(22):
    args.append("--a22")
if check(23):
    args.append("--a23")
if check(24):
    args.append("--a24")
if check(25):
    args.append("--a25")
if check(26):
    args.append("--a26")
if check(27):
    args.append("--a27")
if check(28):
    args.append("--a28")
if check(29):
    args.append("--a29")
if check(30):
    args.append("--a30")
if check(31):
    args.append("--a31")
if check(32):
    args.append("--a32")
if check(33):
    args.append("--a33")
if check(34):
    args.append("--a34")
if check(35):
    args.append("--a35")
if check(36):
    args.append("--a36")
if check(37):
    args.append("--a37")
if check(38):
    args.append("--a38")
if check(39):
    args.append("--a39")
if check(40):
    args.append("--a40")
if check(41):
    args.append("--a41")
popen_launch_server("m", "u", 600, other_args=args)
