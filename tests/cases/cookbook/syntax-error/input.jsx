export const config = {
  cells: [
    { match: { hw: "a" }, flags: ["--tp 8" "--dp 2"] },
  ],
};
