/** Widgets that a lesson may put into its text (`::live`), and what each may be told. Apart from their components, so that a linter needs no React. */
export const WIDGET_KEYS: Readonly<Record<string, readonly string[]>> = {};
