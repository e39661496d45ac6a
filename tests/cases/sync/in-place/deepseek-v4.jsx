export const config = {
  modelName: "Model",
  modelNames: { default: "deepseek-ai/DeepSeek-V4-Flash" },
  cells: [
    {
      match: { hw: "h9", quant: "fp4" },
      env: ["SGLANG_USE_AITER=0"],
      flags: [
        "--model-path {{MODEL_NAME}}", // the name
        "--tp 4",
        "--cuda-graph-max-bs 16",
      ],
    },
  ],
};
