export declare const chromiumFlags: string[];
export declare function chromiumPath(): string | undefined;
export declare const withoutWebrtc: string;
