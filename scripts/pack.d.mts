export declare function pack(folder: string): { tarball: string; files: string[] };
export declare function npm(args: string[], cwd: string): string;
