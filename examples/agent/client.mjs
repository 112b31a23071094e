// How does a node program get a token from the agent, by the standard library alone?
//
//     node client.mjs [PROFILE]

import http from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

// COUNTERSIGN_AGENT says where the socket is if not in the usual place.
const { COUNTERSIGN_AGENT, XDG_RUNTIME_DIR } = process.env;
const usual = XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, "countersign") : join(homedir(), ".local/state/countersign/agent");
const socketPath = COUNTERSIGN_AGENT || join(usual, "agent.sock");

// Ask before every request: the agent keeps the token, and knows when it ends.
export async function token(profile) {
  const path = profile ? `/token?${new URLSearchParams({ profile })}` : "/token";
  const answer = await new Promise((resolve, reject) => {
    http.get({ socketPath, path, headers: { host: "agent" }, timeout: 60_000 }, resolve).on("error", reject);
  });
  const body = JSON.parse(await text(answer));
  if (answer.statusCode !== 200) throw new Error(`${body.error} (${body.hint})`);
  return body;
}

if (process.argv[1]?.endsWith("client.mjs")) {
  try {
    const { profile, expires_in } = await token(process.argv[2]);
    // An API gets it in a header: { authorization: (await token()).authorization }
    console.log(`a token of ${profile}, good for ${expires_in} s`);
  } catch (error) {
    console.error(error.syscall === "connect" ? `no agent: ${error.message}` : error.message);
    process.exitCode = 1;
  }
}
