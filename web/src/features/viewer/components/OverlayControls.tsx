import { ActionIcon, Group, Popover, SegmentedControl, Slider, Stack, Switch, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { IconStack2, IconStack2Filled } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import type { Stage } from '@/api/types';

import { COLOUR_SCALES, cssGradient, type ColourScale } from '../imaging/colour-scales';
import type { OverlayState } from './viewer-state';
import classes from './viewer.module.css';

interface OverlayControlsProps {
  overlay: OverlayState;
  stages: Stage[];
  onChange: (overlay: OverlayState) => void;
}

/** Which map lies over the picture, and how. */
export function OverlayControls({ overlay, stages, onChange }: OverlayControlsProps) {
  const { t } = useTranslation();
  const none = stages.length === 0;
  return (
    <Group gap={4} wrap="nowrap">
      <Tooltip label={none ? t('viewer.overlay.none') : t('viewer.overlay.toggle')}>
        <ActionIcon
          variant={overlay.shown && !none ? 'filled' : 'default'}
          size="lg"
          disabled={none}
          aria-pressed={overlay.shown}
          aria-label={t('viewer.overlay.toggle')}
          onClick={() => onChange({ ...overlay, shown: !overlay.shown })}
        >
          {overlay.shown ? <IconStack2Filled size={18} /> : <IconStack2 size={18} />}
        </ActionIcon>
      </Tooltip>
      {!none && (
        <Popover position="bottom-start" shadow="md" withArrow>
          <Popover.Target>
            <button type="button" className={classes.scaleButton}><VisuallyHidden>{t('viewer.overlay.settings')}: </VisuallyHidden>
              <span className={classes.scaleBar} style={{ backgroundImage: cssGradient(overlay.scale, 'to right') }} />
              <span>{overlay.stage ? t(`map.${overlay.stage as 'anomaly' | 'classifier'}`) : ''}</span>
            </button>
          </Popover.Target>
          <Popover.Dropdown>
            <Stack gap="sm" w={280}>
              <Switch
                label={t('viewer.overlay.show')}
                checked={overlay.shown}
                onChange={(event) => onChange({ ...overlay, shown: event.currentTarget.checked })}
              />
              <Stack gap={4}>
                <Text size="sm">{t('viewer.overlay.map')}</Text>
                <SegmentedControl
                  fullWidth
                  aria-label={t('viewer.overlay.map')}
                  value={overlay.stage ?? ''}
                  data={stages.map((stage) => ({ value: stage, label: t(`map.${stage as 'anomaly' | 'classifier'}`) }))}
                  onChange={(stage) => onChange({ ...overlay, stage: stage as Stage, shown: true })}
                />
              </Stack>
              <Stack gap={4} mb="md">
                <Text size="sm">{t('viewer.overlay.opacity')}</Text>
                <Slider
                  thumbLabel={t('viewer.overlay.opacity')}
                  min={0.1}
                  max={1}
                  step={0.05}
                  label={(value) => `${Math.round(value * 100)} %`}
                  value={overlay.opacity}
                  onChange={(opacity) => onChange({ ...overlay, opacity })}
                />
              </Stack>
              <Stack gap={4}>
                <Text size="sm">{t('viewer.overlay.scale')}</Text>
                <SegmentedControl
                  fullWidth
                  aria-label={t('viewer.overlay.scale')}
                  value={overlay.scale}
                  data={COLOUR_SCALES.map((scale) => ({
                    value: scale,
                    label: (
                      <span className={classes.scaleChoice}>
                        <span className={classes.scaleBar} style={{ backgroundImage: cssGradient(scale, 'to right') }} />
                        {scale}
                      </span>
                    ),
                  }))}
                  onChange={(scale) => onChange({ ...overlay, scale: scale as ColourScale })}
                />
              </Stack>
            </Stack>
          </Popover.Dropdown>
        </Popover>
      )}
    </Group>
  );
}
