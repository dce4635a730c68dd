throw new Error("no licence", { cause: new Error("expired") });
