import { ActionIcon, Button, Divider, Group, Tooltip } from '@mantine/core';
import {
  IconAdjustmentsHorizontal,
  IconArrowsMove,
  IconEraser,
  IconEye,
  IconEyeOff,
  IconFocusCentered,
  IconLayoutGrid,
  IconLineDashed,
  IconOvalVertical,
  IconRulerMeasure,
  IconSquare,
  IconZoomIn,
  type Icon,
} from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import type { Stage } from '@/api/types';
import { toggleIdentity, useHiddenIdentity } from '@/privacy/hidden-identity';
import { SHORTCUTS, type ShortcutId } from '@/shortcuts/shortcuts';

import { POINTER_TOOLS, type PointerTool } from '../cornerstone/tools';
import { presetOf, WINDOW_PRESET_NAMES, WINDOW_PRESETS } from '../imaging/windows';
import { OverlayControls } from './OverlayControls';
import type { ViewerState } from './viewer-state';
import classes from './viewer.module.css';

const TOOL_ICONS: Record<PointerTool, Icon> = {
  window: IconAdjustmentsHorizontal,
  pan: IconArrowsMove,
  zoom: IconZoomIn,
  length: IconRulerMeasure,
  region: IconOvalVertical,
};

const TOOL_KEYS: Partial<Record<PointerTool, ShortcutId>> = { length: 'viewer.length', region: 'viewer.region' };

interface ToolbarProps {
  state: ViewerState;
  mapStages: Stage[];
  onChange: (change: Partial<ViewerState>) => void;
  onReset: () => void;
  onClear: () => void;
}

/** What can be done with the picture. */
export function Toolbar({ state, mapStages, onChange, onReset, onClear }: ToolbarProps) {
  const { t } = useTranslation();
  const hidden = useHiddenIdentity();
  const preset = presetOf(state.window);
  const withKey = (text: string, id: ShortcutId | undefined): string => (id ? `${text} (${SHORTCUTS[id].shown})` : text);
  return (
    <div className={classes.toolbar} role="toolbar" aria-label={t('viewer.tools')}>
      <Group gap={4} wrap="nowrap">
        {state.layout === 'planes' && (
          <Tooltip label={t('viewer.tool.crosshair')}>
            <ActionIcon
              variant={state.tool === 'crosshair' ? 'filled' : 'default'}
              size="lg"
              aria-pressed={state.tool === 'crosshair'}
              aria-label={t('viewer.tool.crosshair')}
              onClick={() => onChange({ tool: 'crosshair' })}
            >
              <IconFocusCentered size={18} />
            </ActionIcon>
          </Tooltip>
        )}
        {POINTER_TOOLS.map((tool) => {
          const ToolIcon = TOOL_ICONS[tool];
          const label = t(`viewer.tool.${tool}`);
          return (
            <Tooltip key={tool} label={withKey(label, TOOL_KEYS[tool])}>
              <ActionIcon
                variant={state.tool === tool ? 'filled' : 'default'}
                size="lg"
                aria-pressed={state.tool === tool}
                aria-label={label}
                onClick={() => onChange({ tool })}
              >
                <ToolIcon size={18} />
              </ActionIcon>
            </Tooltip>
          );
        })}
        <Tooltip label={withKey(t('viewer.clear'), 'viewer.clear')}>
          <ActionIcon variant="default" size="lg" aria-label={t('viewer.clear')} onClick={onClear}>
            <IconEraser size={18} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label={withKey(t('viewer.reset'), 'viewer.reset')}>
          <ActionIcon variant="default" size="lg" aria-label={t('viewer.reset')} onClick={onReset}>
            <IconLineDashed size={18} />
          </ActionIcon>
        </Tooltip>
      </Group>
      <Divider orientation="vertical" />
      <Group gap={0} wrap="nowrap" role="group" aria-label={t('viewer.presets')}>
        <Button.Group>
          {WINDOW_PRESET_NAMES.map((name) => (
            <Tooltip key={name} label={withKey(t(`viewer.preset.${name}`), `viewer.${name}`)}>
              <Button
                variant={preset === name ? 'filled' : 'default'}
                size="xs"
                h={34}
                px={10}
                aria-pressed={preset === name}
                onClick={() => onChange({ window: { ...WINDOW_PRESETS[name] } })}
              >
                {t(`viewer.preset.${name}`)}
              </Button>
            </Tooltip>
          ))}
        </Button.Group>
      </Group>
      <Divider orientation="vertical" />
      <OverlayControls overlay={state.overlay} stages={mapStages} onChange={(overlay) => onChange({ overlay })} />
      <Divider orientation="vertical" />
      <Group gap={4} wrap="nowrap">
        <Tooltip label={withKey(t('viewer.planes'), 'viewer.planes')}>
          <ActionIcon
            variant={state.layout === 'planes' ? 'filled' : 'default'}
            size="lg"
            aria-pressed={state.layout === 'planes'}
            aria-label={t('viewer.planes')}
            onClick={() =>
              onChange(state.layout === 'planes' ? { layout: 'stack', tool: 'window' } : { layout: 'planes', tool: 'crosshair' })
            }
          >
            {state.layout === 'planes' ? <IconSquare size={18} /> : <IconLayoutGrid size={18} />}
          </ActionIcon>
        </Tooltip>
        <Tooltip label={withKey(t(hidden ? 'viewer.showBanner' : 'viewer.hideBanner'), 'viewer.banner')}>
          <ActionIcon
            variant="default"
            size="lg"
            aria-pressed={hidden}
            aria-label={t('viewer.hideBanner')}
            onClick={toggleIdentity}
          >
            {hidden ? <IconEyeOff size={18} /> : <IconEye size={18} />}
          </ActionIcon>
        </Tooltip>
      </Group>
    </div>
  );
}
