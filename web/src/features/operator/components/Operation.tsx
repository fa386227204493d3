import { Group, Skeleton, Text, Title } from '@mantine/core';
import { IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { total, type Sample } from '@/api/metrics';
import { useHealth, useMetrics, useReadiness } from '@/api/operation';
import type { Stage } from '@/api/types';
import { ErrorNotice } from '@/components/ErrorNotice';
import pageClasses from '@/components/page.module.css';
import { ScrollTable } from '@/components/ScrollTable';
import { formatNumber } from '@/format/numbers';

import classes from './operation.module.css';

const STAGES: Stage[] = ['preprocess', 'anomaly', 'classifier', 'typing'];
const ROWS = [...STAGES, 'report'] as const;
const NAMES = ['database', 'queue', 'objects', 'bundle'] as const;
const MODELS_OF = /^models of (\w+)$/;

function Dependencies() {
  const { t } = useTranslation();
  const { data, error, refetch } = useReadiness();
  const health = useHealth();
  const nameOf = (name: string): string => {
    const stage = STAGES.find((one) => one === MODELS_OF.exec(name)?.[1]);
    if (stage) {
      return t('operator.modelsOf', { stage: t(`stage.${stage}`) });
    }
    const known = NAMES.find((one) => one === name);
    return known ? t(`operator.dependency.${known}`) : name;
  };
  return (
    <section className={pageClasses.padded} aria-labelledby="operator-health">
      <Group justify="space-between" mb="sm">
        <Title order={2} size="h4" id="operator-health">
          {t('operator.health')}
        </Title>
        {health.data && (
          <Text size="sm" c="var(--text-dim)">
            {t('operator.version', { version: health.data.version })}
          </Text>
        )}
      </Group>
      {error && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton h={120} />}
      {!error && data && (
        <>
          <p className={classes.verdict} data-ready={data.ready} role="status">
            {t(data.ready ? 'operator.ready' : 'operator.notReady')}
          </p>
          <ul className={classes.dependencies}>
            {data.dependencies.map(({ name, ready }) => {
              const StateIcon = ready ? IconCircleCheck : IconCircleX;
              return (
                <li key={name} data-ready={ready}>
                  <StateIcon size={18} aria-hidden />
                  <span>{nameOf(name)}</span>
                  <span>{t(ready ? 'operator.answers' : 'operator.doesNotAnswer')}</span>
                </li>
              );
            })}
          </ul>
        </>
      )}
    </section>
  );
}

/** Mean seconds of what a histogram has counted. */
function mean(samples: readonly Sample[], name: string, stage: string): number | null {
  const count = total(samples, `${name}_count`, { stage });
  const sum = total(samples, `${name}_sum`, { stage });
  return count && sum !== null ? sum / count : null;
}

function Queues() {
  const { t, i18n } = useTranslation();
  const { data, error, refetch } = useMetrics();
  const number = (value: number | null, digits = 0): string => formatNumber(value, i18n.language, digits);
  const dead = data ? total(data, 'norma_queue_depth', { queue: 'dead_letters' }) : null;
  const unpublished = data ? total(data, 'norma_outbox_unpublished') : null;
  return (
    <section className={pageClasses.padded} aria-labelledby="operator-queues">
      <Title order={2} size="h4" mb={4} id="operator-queues">
        {t('operator.queues')}
      </Title>
      <Text size="sm" c="var(--text-dim)" mb="sm">
        {t('operator.queuesDetail')}
      </Text>
      {error && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton h={160} />}
      {!error && data && (
        <>
          <ScrollTable label={t('operator.queues')} testId="queues">
            <thead>
              <tr>
                <th scope="col">{t('settings.modelStage')}</th>
                {(['waiting', 'inFlight', 'completed', 'rejected', 'retried', 'compute', 'queueTime'] as const).map((column) => (
                  <th key={column} scope="col" className={pageClasses.number}>
                    {t(`operator.column.${column}`)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {ROWS.map((stage) => {
                const outcome = (name: string): number | null => total(data, 'norma_stage_outcomes_total', { stage, outcome: name });
                const cells = [
                  number(total(data, 'norma_queue_depth', { queue: stage })),
                  number(total(data, 'norma_stage_in_flight', { stage })),
                  number(outcome('completed')),
                  number(outcome('rejected')),
                  number(outcome('retried')),
                  number(mean(data, 'norma_stage_compute_seconds', stage), 1),
                  number(mean(data, 'norma_stage_queue_seconds', stage), 1),
                ];
                return (
                  <tr key={stage} data-stage={stage}>
                    <th scope="row">{t(`stage.${stage}`)}</th>
                    {cells.map((text, index) => (
                      // The columns never change their order.
                      <td key={index} className={pageClasses.number}>
                        {text}
                      </td>
                    ))}
                  </tr>
                );
              })}
            </tbody>
          </ScrollTable>
          <Text size="sm" mt="sm" data-testid="dead-letters" fw={dead ? 700 : 400} c={dead ? 'var(--pathology)' : undefined}>
            {/* A figure that this process does not hold is not nought. */}
            {[
              dead !== null && t('operator.deadLetters', { count: dead }),
              unpublished !== null && t('operator.unpublished', { count: unpublished }),
            ]
              .filter(Boolean)
              .join(' · ')}
          </Text>
        </>
      )}
    </section>
  );
}

/** Whether everything answers, and what waits where. No patient data. */
export function Operation() {
  return (
    <>
      <Dependencies />
      <Queues />
    </>
  );
}
