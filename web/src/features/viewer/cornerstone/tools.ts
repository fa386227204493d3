import { Enums, EllipticalROITool, LengthTool, PanTool, ToolGroupManager, type Types, WindowLevelTool, ZoomTool } from '@cornerstonejs/tools';

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

/** Hounsfield statistics of a region as a reader wants them. */
function regionLines(data: { cachedStats: Record<string, Record<string, unknown>> }, targetId: string): string[] {
  const stats = data.cachedStats[targetId];
  if (!stats || typeof stats['mean'] !== 'number') {
    return [];
  }
  const number = (name: string): string => {
    const value = stats[name];
    return typeof value === 'number' && Number.isFinite(value) ? value.toFixed(0) : '–';
  };
  return [
    `${number('mean')} ± ${number('stdDev')} HU`,
    `${number('min')} … ${number('max')} HU`,
    `${number('area')} mm²`,
  ];
}

/** A tool group for the viewports of one pane. */
export function createToolGroup(id: string): Types.IToolGroup {
  const group = ToolGroupManager.createToolGroup(id);
  if (!group) {
    throw new Error(`tool group ${id} exists already`);
  }
  for (const name of Object.values(TOOL_NAMES)) {
    group.addTool(name, name === TOOL_NAMES.region ? { getTextLines: regionLines } : {});
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
