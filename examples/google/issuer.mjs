// A stand-in for Google for local development: signs ID tokens for any person you name, without
// authentication, and serves the page beside it. Needs Node 20, nothing else.
//
//   node examples/google/issuer.mjs [port]

import { createServer } from "node:http";
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { readFile } from "node:fs/promises";

const port = Number(process.argv[2] ?? 9400);
const issuer = `http://localhost:${port}`;
const clientId = "idgate-example";
const page = new URL("index.html", import.meta.url);
let key = newKey();

function newKey() {
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...pair, kid: randomUUID() };
}

// One person per address, unless `sub` names another.
function subjectOf(email) {
  return createHash("sha256").update(email).digest("hex").slice(0, 21);
}

function token({ email, sub = subjectOf(email), name = "", verified = "true", nonce, hd }) {
  const encode = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const [given_name = "", ...rest] = name.split(" ");
  const header = { alg: "RS256", typ: "JWT", kid: key.kid };
  const claims = {
    iss: issuer, aud: clientId, azp: clientId, sub, email,
    email_verified: verified === "true", given_name, family_name: rest.join(" "),
    iat: now, exp: now + 3600, jti: randomUUID(),
    ...(nonce ? { nonce } : {}), ...(hd ? { hd } : {}),
  };
  const signed = `${encode(header)}.${encode(claims)}`;
  const signature = sign("sha256", Buffer.from(signed), key.privateKey).toString("base64url");
  return `${signed}.${signature}`;
}

const json = (value, headers = {}) => ({ type: "application/json", body: JSON.stringify(value), headers });

async function answer(request) {
  const { pathname, searchParams } = new URL(request.url, issuer);
  switch (`${request.method} ${pathname}`) {
    case "GET /":
      return { type: "text/html; charset=utf-8", body: await readFile(page) };
    case "GET /.well-known/openid-configuration":
      return json({
        issuer, jwks_uri: `${issuer}/jwks`, id_token_signing_alg_values_supported: ["RS256"],
        response_types_supported: ["id_token"], subject_types_supported: ["public"],
      });
    case "GET /jwks": {
      const jwk = key.publicKey.export({ format: "jwk" });
      const keys = [{ ...jwk, kid: key.kid, use: "sig", alg: "RS256" }];
      return json({ keys }, { "cache-control": "public, max-age=300" });
    }
    case "POST /token":
      if (!searchParams.get("email")) return null;
      return json({ credential: token(Object.fromEntries(searchParams)) });
    case "POST /rotate":
      key = newKey();
      return json({ kid: key.kid });
    default:
      return null;
  }
}

createServer(async (request, response) => {
  const found = await answer(request).catch(() => null);
  if (!found) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": found.type, "cache-control": "no-store", ...found.headers });
  response.end(found.body);
}).listen(port, "127.0.0.1", () => {
  console.log(`The page and the issuer are at ${issuer}. Start idgate with:

  IDGATE_GOOGLE__CLIENT_IDS=${clientId} \\
  IDGATE_GOOGLE__ISSUER=${issuer} \\
  IDGATE_GOOGLE__JWKS_URL=${issuer}/jwks \\
  IDGATE_SERVER__CORS_ORIGINS=${issuer} cargo run`);
});
