/** Cache mounts, in the words of BuildKit's `RUN --mount=type=cache`. */

export type Sharing = 'locked' | 'private' | 'shared';

/** What a derivation declares, in its attribute `cacheMounts` (JSON, a list of these). */
export interface CacheMount {
  readonly id: string;
  /** Where it appears in the sandbox. */
  readonly target: string;
  readonly sharing: Sharing;
  readonly ro: boolean;
}

/** A declared mount with the directory that its owner grants for it. */
export interface MountGrant extends CacheMount {
  readonly directory: string;
  /** `rustc`: state that a killed compiler leaves untrustworthy, so it is guarded by an in-flight mark. */
  readonly transactional: boolean;
  /**
   * Of a transactional mount: a killed program leaves good state (rustc at opt-level 0 adds files and renames). What a
   * crash of the program or of the machine leaves is dropped all the same.
   */
  readonly killSafe?: boolean;
}
