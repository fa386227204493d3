import { Enums, EllipticalROITool, LengthTool, PanTool, ToolGroupManager, type Types, WindowLevelTool, ZoomTool } from '@cornerstonejs/tools';

import { formatMillimetres, formatNumber } from '@/format/numbers';
import i18n from '@/i18n/i18n';

/** What the left mouse button does. */
export const POINTER_TOOLS = ['window', 'pan', 'zoom', 'length', 'region'] as const;
export type PointerTool = (typeof POINTER_TOOLS)[number];

const TOOL_NAMES: Record<PointerTool, string> = {
  window: WindowLevelTool.toolName as string,
  pan: PanTool.toolName as string,
  zoom: ZoomTool.toolName as string,
  length: LengthTool.toolName,
  region: EllipticalROITool.toolName,
};

const { Primary, Auxiliary, Secondary } = Enums.MouseBindings;

interface Measured {
  cachedStats: Record<string, Record<string, unknown>>;
}

/** A statistic of a measurement; not a number where there is none yet. */
const statistic = ({ cachedStats }: Measured, targetId: string, name: string): number => {
  const value = cachedStats[targetId]?.[name];
  return typeof value === 'number' ? value : NaN;
};

function lengthLines(data: Measured, targetId: string): string[] {
  const length = statistic(data, targetId, 'length');
  return Number.isFinite(length) ? [formatMillimetres(length, i18n.language)] : [];
}

/** Hounsfield statistics of a region as a reader wants them. */
function regionLines(data: Measured, targetId: string): string[] {
  const number = (name: string): string => {
    const value = statistic(data, targetId, name);
    return formatNumber(Number.isFinite(value) ? value : null, i18n.language, 0);
  };
  if (!Number.isFinite(statistic(data, targetId, 'mean'))) {
    return [];
  }
  return [
    `${number('mean')} ± ${number('stdDev')} ${i18n.t('unit.HU')}`,
    `${number('min')} … ${number('max')} ${i18n.t('unit.HU')}`,
    `${number('area')} ${i18n.t('unit.mm')}²`,
  ];
}

const TEXT_LINES: Partial<Record<PointerTool, (data: Measured, targetId: string) => string[]>> = {
  length: lengthLines,
  region: regionLines,
};

/** A tool group for the viewports of one pane. */
export function createToolGroup(id: string): Types.IToolGroup {
  const group = ToolGroupManager.createToolGroup(id);
  if (!group) {
    throw new Error(`tool group ${id} exists already`);
  }
  for (const tool of POINTER_TOOLS) {
    const getTextLines = TEXT_LINES[tool];
    group.addTool(TOOL_NAMES[tool], getTextLines ? { getTextLines } : {});
  }
  setPointerTool(group, 'window');
  return group;
}

/** Gives the left button to a tool; the middle one pans and the right one zooms, always. */
export function setPointerTool(group: Types.IToolGroup, tool: PointerTool | null): void {
  for (const name of Object.values(TOOL_NAMES)) {
    group.setToolPassive(name, { removeAllBindings: true });
  }
  const bindings: Partial<Record<PointerTool, { mouseButton: number }[]>> = {
    pan: [{ mouseButton: Auxiliary }],
    zoom: [{ mouseButton: Secondary }],
  };
  if (tool) {
    bindings[tool] = [...(bindings[tool] ?? []), { mouseButton: Primary }];
  }
  for (const [name, buttons] of Object.entries(bindings)) {
    group.setToolActive(TOOL_NAMES[name as PointerTool], { bindings: buttons });
  }
}
