/** The plugins by name, as `evaluate` and the plan's `plugin` nodes have them. */
import { ACTIVITY_PLUGINS } from './activity.ts';
import { BAG_PLUGINS } from './bags.ts';
import { networkLookup } from './lookup.ts';
import type { Plugin } from './plugin.ts';
import { scan } from './scan.ts';
import { sequenceDetect } from './sequence.ts';
import { TEXT_PLUGINS } from './text.ts';

export type { Plugin, PluginContext, PluginNode, PluginResult } from './plugin.ts';

const ALL: Readonly<Record<string, Plugin>> = {
  ...TEXT_PLUGINS,
  ...BAG_PLUGINS,
  ...ACTIVITY_PLUGINS,
  ipv4_lookup: networkLookup('ipv4_is_in_range'),
  ipv6_lookup: networkLookup('ipv6_is_in_range'),
  scan,
  sequence_detect: sequenceDetect,
};

/** The plugin of this name, or undefined where the engine has none. */
export function plugin(name: string): Plugin | undefined {
  return Object.hasOwn(ALL, name) ? ALL[name] : undefined;
}

/** Every name that {@link plugin} knows, sorted. */
export function pluginNames(): string[] {
  return Object.keys(ALL).sort();
}
