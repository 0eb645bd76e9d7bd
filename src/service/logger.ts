/** Where warnings go that nobody listens for. */
export interface Logger {
  warn(message: string): void;
}
