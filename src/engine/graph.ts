/** Goals as a graph: who waits for whom, and who is most urgent. */
import type { StorePath } from '../nix/types.ts';
import type { Goal, GoalKey } from './types.ts';

export interface GoalGraph {
  readonly goals: ReadonlyMap<GoalKey, Goal>;
  readonly dependents: ReadonlyMap<GoalKey, readonly GoalKey[]>;
  /** Weight of the longest way from a goal, itself included, to a root. */
  readonly urgency: ReadonlyMap<GoalKey, number>;
}

/** Throws on a need that is no goal and on a cycle: the planner's bugs. */
export function graphOf(goals: ReadonlyMap<GoalKey, Goal>): GoalGraph {
  const dependents = new Map<GoalKey, GoalKey[]>();
  for (const key of goals.keys()) dependents.set(key, []);
  for (const [key, goal] of goals) {
    for (const need of goal.needs) {
      const list = dependents.get(need.key);
      if (list === undefined) throw new Error(`goal ${key} needs ${need.key}, which is no goal`);
      list.push(key);
    }
  }
  const urgency = new Map<GoalKey, number>();
  for (const key of rootsFirst(goals, dependents)) {
    let longest = 0;
    for (const dependent of dependents.get(key) ?? []) longest = Math.max(longest, urgency.get(dependent) ?? 0);
    urgency.set(key, longest + (goals.get(key)?.weight ?? 0));
  }
  return { goals, dependents, urgency };
}

/** Every goal after all of its dependents. */
function rootsFirst(
  goals: ReadonlyMap<GoalKey, Goal>,
  dependents: ReadonlyMap<GoalKey, readonly GoalKey[]>,
): readonly GoalKey[] {
  const waitingFor = new Map<GoalKey, number>();
  const order: GoalKey[] = [];
  for (const [key, list] of dependents) {
    waitingFor.set(key, list.length);
    if (list.length === 0) order.push(key);
  }
  for (const key of order) {
    for (const need of goals.get(key)?.needs ?? []) {
      const left = (waitingFor.get(need.key) ?? 0) - 1;
      waitingFor.set(need.key, left);
      if (left === 0) order.push(need.key);
    }
  }
  if (order.length !== goals.size) throw new Error('the goals depend on each other in a circle');
  return order;
}

/** The goals that have to be built: roots that are not valid, and what these need that is not valid. */
export function unbuilt(graph: GoalGraph, valid: ReadonlySet<StorePath>): ReadonlySet<GoalKey> {
  const wanted = new Set<GoalKey>();
  const open: GoalKey[] = [];
  for (const [key, goal] of graph.goals) {
    if (goal.root === true || graph.dependents.get(key)?.length === 0) open.push(key);
  }
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    const goal = graph.goals.get(key);
    if (goal === undefined || wanted.has(key) || valid.has(goal.sealed.outPath)) continue;
    wanted.add(key);
    for (const need of goal.needs) open.push(need.key);
  }
  return wanted;
}
