const COMMON = ["--tp 8"];
export const config = {
  overlayDims: [],
  ...shared,
  render() { return "sglang serve"; },
  cells: [
    {
      match: { hw: "a" },
      env: [`A=${value}`],
      flags: ["--model-path m", ...COMMON, pick("--dp"), "--ep 2"],
    },
    { match: { hw: "b" }, flags: COMMON },
    { match: { hw: "c" }, flags: ["--model-path m", "--tp 4 )"] },
  ],
};
