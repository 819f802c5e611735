"use strict";

const path = require("node:path");
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

/** Paths that begin with a dot are meant from the folder that is open. */
function server() {
  const [command, ...args] = vscode.workspace.getConfiguration("coldframe").get("command");
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  const found = command.startsWith(".") && folder ? path.join(folder, command) : command;
  return { command: found, args, options: { cwd: folder } };
}

async function activate() {
  client = new LanguageClient("coldframe", "Coldframe", server(), {
    documentSelector: [
      { scheme: "file", language: "coldframe" },
      { scheme: "file", pattern: "**/templates/**/*.{md,html,txt,mjml}" },
    ],
  });
  await client.start();
}

async function deactivate() {
  await client?.stop();
}

module.exports = { activate, deactivate };
