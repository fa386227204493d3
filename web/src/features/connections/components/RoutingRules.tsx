import { Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { useRoutingRules } from '@/api/connections';
import type { RoutingRule } from '@/api/types';
import { ErrorNotice } from '@/components/ErrorNotice';
import pageClasses from '@/components/page.module.css';
import { ScrollTable } from '@/components/ScrollTable';

import classes from './connections.module.css';

/** Which studies are analysed and how, as the settings say: the first rule that fits decides. */
export function RoutingRules() {
  const { t } = useTranslation();
  const { data, error, refetch } = useRoutingRules();
  const destinationsOf = ({ destinations }: RoutingRule): string => {
    if (!destinations) return t('routing.everywhere');
    return destinations.join(', ') || t('routing.nowhere');
  };
  return (
    <section className={pageClasses.padded} aria-labelledby="routing">
      <Title order={2} size="h4" id="routing" mb="xs">
        {t('routing.title')}
      </Title>
      <Text size="sm" c="var(--text-dim)" mb="sm">
        {data?.items.length === 0 ? t('routing.empty') : t('routing.how')}
      </Text>
      {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data && data.items.length > 0 && (
        <ScrollTable label={t('routing.title')} testId="routing">
          <thead>
            <tr>
              {(['rule', 'when', 'what', 'point', 'priority', 'destinations'] as const).map((column) => (
                <th key={column} scope="col">
                  {t(`routing.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.items.map((rule, at) => (
              <tr key={at}>
                <th scope="row">{rule.name}</th>
                <td className={classes.when}>
                  {rule.conditions.map(({ attribute, patterns }) => (
                    <div key={attribute}>
                      <code>{attribute}</code>: {patterns.join(', ')}
                    </div>
                  ))}
                  {rule.conditions.length === 0 && t('routing.always')}
                </td>
                <td>{rule.analyze ? t('routing.analyzed') : t('routing.kept')}</td>
                <td>{rule.operating_point ?? '–'}</td>
                <td>{rule.priority ?? '–'}</td>
                <td>{destinationsOf(rule)}</td>
              </tr>
            ))}
          </tbody>
        </ScrollTable>
      )}
    </section>
  );
}
