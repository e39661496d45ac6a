// Prints each cell's command as the panel of SGLang's cookbook makes it, as JSON: an independent
// rendering, which runs the configuration. argv: the file, as an .mjs.
const { config } = await import(process.argv[2]);
const commands = [];
for (const cell of config.cells) {
  if (cell.redirect) continue;
  const sel = cell.match;
  const names = config.modelNames ?? {};
  const model =
    names[`${sel.hw}|${sel.variant}|${sel.quant}`] ?? names[`${sel.variant}|${sel.quant}`] ??
    names[`${sel.hw}|${sel.quant}`] ?? names[sel.quant] ?? names[sel.hw] ?? names.default ?? "";
  const nodes = sel.nodes === undefined
    ? cell.nnodes ?? 1
    : Number((/^multi-(\d+)$/.exec(sel.nodes) ?? [0, 1])[1]);
  const flags = [...cell.flags];
  if (nodes > 1) {
    const at = (name) => flags.findIndex((f) => f.split(/[\s=]/)[0] === name);
    const found = ["--enable-dp-attention", "--dp", "--tp-size", "--tp"].map(at).find((i) => i >= 0);
    const behind = found ?? flags.findIndex((f) => f.startsWith("--model-path"));
    flags.splice(behind + 1, 0, `--nnodes ${nodes}`, "--node-rank {{NODE_RANK}}",
      "--dist-init-addr {{NODE0_IP}}:20000");
  }
  const text = [...(cell.env ?? []), "show", ...flags].join(" \\\n");
  commands.push(text.replace(/{{(\w+)}}/g, (all, key) => (key === "MODEL_NAME" ? model : all)));
}
console.log(JSON.stringify(commands));
