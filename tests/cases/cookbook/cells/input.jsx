// A configuration of its own.
export const other = ["sglang serve"];

export const config = {
  modelName: "Model — 4",
  modelNames: { "small|fp4": "org/Small", "h9|small|fp8": "org/Small-FP8", 'default': "org/Any" },
  placeholders: {
    HOST_IP: { target: "command", label: "Bind host", default: "0.0.0.0" },
    NODE_RANK: { target: "command", default: "<node-rank>" },
  },
  dockerImages: { h9: "org/image:latest", "h9|fp4": `org/image:fp4` },
  cells: [
    {
      match: { hw: "h9", variant: "small", quant: "fp4", strategy: "low-latency", nodes: "single" },
      env: ["SGLANG_USE_AITER=1", 'NOTE="a b" A=\x41'],
      flags: [
        "--model-path {{MODEL_NAME}}", // the name
        "--tp 8",
        "--deepep-config '{\"normal_dispatch\":{\"num_sms\":96},\"normal_combine\":{}}'",
        '--served-model-name "it\'s – one"',
        "--host {{HOST_IP}}",
        "--port {{PORT}}",
      ],
    },
    {
      match: { hw: "h9", variant: "small", quant: "fp8", strategy: "balanced", nodes: "multi-2" },
      verified: false,
      env: [],
      flags: ["--model-path {{MODEL_NAME}}", "--tp 16", "--dp 2", "--enable-dp-attention", "--page-size=64"],
    },
    { match: { hw: "h8" }, redirect: true, warn: "elsewhere", flags: [] },
    {
      match: { hw: "h8", nodes: "multi-4" },
      flags: [
        `--model-path \\
{{MODEL_NAME}}`,
        "--log-level \u0069nfo",
      ],
    },
    { match: { hw: "h7" }, nnodes: 2, "flags": ["--mem-fraction-static 0.9"], },
  ],
};
