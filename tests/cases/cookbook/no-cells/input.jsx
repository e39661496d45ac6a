export const config = { sglang: [{ match: { hw: "a" }, flags: ["--tp 8"] }] };
