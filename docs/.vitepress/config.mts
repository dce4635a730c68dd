import { type DefaultTheme, defineConfig } from "vitepress";

const page = (text: string, link: string): DefaultTheme.SidebarItem => ({ text, link });

// On the forge these lead to a folder or to a source file; the site has neither and shows their names.
const NOT_A_PAGE = /^(\.\.?\/)*(examples|engine|vectors|tools|python|LICENSE)(\/|$)/;

/** The site is the Markdown that is read on the forge, at its own paths, and the API pages that `dev docs` generates. */
export default defineConfig({
  title: "Endstop",
  description: "The tool execution engine for AI agents",
  srcDir: "pages",
  outDir: "../dist/docs",
  cacheDir: "node_modules/.vitepress",
  rewrites: { "README.md": "index.md" },
  cleanUrls: true,
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    config(markdown) {
      markdown.core.ruler.push("names-of-files", ({ tokens }) => {
        for (const token of tokens.flatMap((block) => block.children ?? [])) {
          if (token.type !== "link_open" || !NOT_A_PAGE.test(token.attrGet("href") ?? "")) continue;
          token.attrs = [];
        }
      });
    },
  },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Tutorials", link: "/docs/tutorial-crewai" },
      { text: "Limits", link: "/docs/limits" },
      { text: "Errors", link: "/docs/errors" },
      { text: "API", items: [page("Python", "/docs/api/python"), page("TypeScript", "/docs/api/typescript/")] as DefaultTheme.NavItemWithLink[] },
    ],
    sidebar: [
      {
        text: "Start",
        items: [
          page("What it is", "/"),
          page("CrewAI", "/docs/tutorial-crewai"),
          page("Python", "/docs/tutorial-python"),
          page("TypeScript", "/docs/tutorial-typescript"),
        ],
      },
      {
        text: "Use",
        items: [
          page("The CrewAI drop-in", "/docs/crewai"),
          page("Limits", "/docs/limits"),
          page("Errors", "/docs/errors"),
          page("Events and figures", "/docs/events"),
          page("Deploy", "/docs/deploy"),
          page("Bundlers", "/docs/bundlers"),
          page("Troubleshooting", "/docs/troubleshooting"),
          page("Costs", "/docs/costs"),
        ],
      },
      {
        text: "Reference",
        items: [page("Python API", "/docs/api/python"), page("TypeScript API", "/docs/api/typescript/")],
      },
      {
        text: "Inside",
        items: [
          page("Promises and their tests", "/docs/requirements"),
          page("Architecture", "/ARCHITECTURE"),
          page("Protocol", "/protocol/README"),
          page("Benchmarks", "/bench/README"),
          page("Contributing", "/CONTRIBUTING"),
          page("Changes", "/CHANGELOG"),
        ],
      },
    ],
  },
});
