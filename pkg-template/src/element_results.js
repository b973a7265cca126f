// What code showed, in the best of its forms. HTML and SVG are the code's own and are never part of the page: they are
// shown in frames that can run no scripts, or as pictures.

const FRAME_STYLE = `<!doctype html><meta charset="utf-8"><meta http-equiv="content-security-policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:">
<style>body{font:14px/1.45 system-ui,sans-serif;margin:8px;color:#1d232b}table{border-collapse:collapse}
th,td{padding:3px 10px;border-bottom:1px solid #d9dde3;text-align:right}</style>`;

/** Appends a value that was shown. */
export function show(output, result) {
  const node = picture(result) ?? frame(result) ?? text(result);
  node.dataset.kind = "result";
  output.append(node);
}

function picture({ png, jpeg, svg, text: label }) {
  const [bytes, type] = png ? [png, "image/png"] : jpeg ? [jpeg, "image/jpeg"] : svg ? [svg, "image/svg+xml"] : [];
  if (!bytes) return undefined;
  const image = document.createElement("img");
  image.alt = label ?? "Picture";
  image.src = URL.createObjectURL(new Blob([bytes], { type }));
  // Decoded, it needs its address no more.
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  return image;
}

function frame({ html }) {
  if (html === undefined) return undefined;
  const frame = document.createElement("iframe");
  frame.title = "Result";
  // Of the page's origin, so that its height can be read; without scripts, so that this is all there is to it.
  frame.sandbox.add("allow-same-origin");
  frame.srcdoc = FRAME_STYLE + html;
  frame.addEventListener("load", () => {
    const body = frame.contentDocument?.documentElement;
    if (body) frame.style.height = `${Math.min(body.scrollHeight, 600)}px`;
  });
  return frame;
}

function text({ text: plain, data }) {
  const node = document.createElement("div");
  node.textContent = plain ?? Object.keys(data ?? {}).join(", ");
  return node;
}
