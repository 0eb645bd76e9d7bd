const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

export type Style = keyof typeof codes;

/** Puts text into a style, or leaves it as it is where no colours are wanted. */
export type Paint = (style: Style, text: string) => string;

export function painter(colors: boolean): Paint {
  return colors ? (style, text) => `\u001b[${codes[style]}m${text}\u001b[0m` : (_, text) => text;
}

/**
 * Text from the network, for a terminal: control characters, which could draw or do there what they
 * like, are shown instead of obeyed. Lines and tabs stay where `lines` says so.
 */
export function harmless(text: string, { lines = false }: { lines?: boolean } = {}): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => {
      if (lines && (char === '\n' || char === '\t')) return char;
      return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
    },
  );
}
