import { echo } from "./echo.ts";

process.on("message", (input: { readonly n: number }) => process.send?.(echo(input)));
