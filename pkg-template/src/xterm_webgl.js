// Draws terminals on the graphics card; loaded where there is one.

export { WebglAddon } from "@xterm/addon-webgl";
