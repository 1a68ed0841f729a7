// Search a running service, then ask for papers related to the first hit. Node 18 or later:
//
//     node examples/http.js [ADDRESS] [TEXT]

const address = process.argv[2] ?? "http://127.0.0.1:8000";
const text = process.argv[3] ?? "federated learning on small devices";

async function get(path, parameters) {
  const response = await fetch(`${address}${path}?${new URLSearchParams(parameters)}`);
  const body = await response.json();
  // Errors are problem details (RFC 9457): `detail` describes the cause
  if (!response.ok) throw new Error(`${response.status}: ${body.detail}`);
  return body;
}

function show(hits) {
  for (const hit of hits) console.log(`${hit.score.toFixed(2)}  ${hit.id.slice(0, 8)}  ${hit.label}`);
}

async function main() {
  const found = await get("/search", { q: text, top_k: 3 });
  show(found.hits);
  console.log(`\nrelated to ${found.hits[0].label}`);
  const related = await get(`/papers/${found.hits[0].id}/related`, { top_k: 3 });
  show(related.hits);
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
