/** What `drydock doctor` found. */
/** `missing` keeps a build from working, `note` is worth knowing. */
export interface Finding {
  readonly state: 'ok' | 'note' | 'missing';
  readonly seen: string;
  readonly todo?: string;
}
