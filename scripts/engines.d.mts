export declare function firefoxPath(): string | undefined;
export declare function webkitDriverPath(): string | undefined;
export declare function xvfbPath(): string | undefined;
export declare function withoutEngines(): string | undefined;
