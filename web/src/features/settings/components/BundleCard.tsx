import { Skeleton, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { useBundle } from '@/api/bundle';
import type { OperatingPointDescription } from '@/api/types';
import { ErrorNotice } from '@/components/ErrorNotice';
import pageClasses from '@/components/page.module.css';
import { useOperatingPointName } from '@/components/use-operating-point-name';
import { useScannerText } from '@/components/use-scanner-text';
import { formatProbability } from '@/format/numbers';

/** The models at work and what their operating points were measured to give. */
export function BundleCard() {
  const { t, i18n } = useTranslation();
  const nameOf = useOperatingPointName();
  const scannerText = useScannerText();
  const { data, error, refetch } = useBundle();
  const estimate = (figure: OperatingPointDescription['sensitivity']): string => {
    if (!figure) {
      return t('settings.notMeasured');
    }
    const percent = (value: number | undefined): string => formatProbability(value, i18n.language);
    if (!figure.ci95) {
      return percent(figure.value);
    }
    const [low, high] = figure.ci95;
    return `${percent(figure.value)} (${percent(low)}–${percent(high)})`;
  };
  return (
    <section className={pageClasses.padded}>
      <Title order={2} size="h4">
        {t('settings.models')}
      </Title>
      {error && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton h={140} mt="sm" />}
      {data && (
        <>
          <Text size="sm" c="var(--text-dim)" mb="sm">
            {t('settings.bundleText', { name: data.name, version: data.version })} · {data.sha256.slice(0, 12)}
          </Text>
          <table className={pageClasses.table} aria-label={t('settings.models')}>
            <thead>
              <tr>
                <th scope="col">{t('settings.modelStage')}</th>
                <th scope="col">{t('settings.modelName')}</th>
                <th scope="col">{t('settings.modelVersion')}</th>
                <th scope="col">SHA-256</th>
              </tr>
            </thead>
            <tbody>
              {data.models.map((model) => (
                <tr key={`${model.stage}-${model.name}`}>
                  <td>{t(`stage.${model.stage}`)}</td>
                  <td>{model.name}</td>
                  <td>{model.version}</td>
                  <td>{model.sha256.slice(0, 12)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <Title order={3} size="h5" mt="md">
            {t('settings.points')}
          </Title>
          <table className={pageClasses.table} aria-label={t('settings.points')}>
            <thead>
              <tr>
                <th scope="col">{t('upload.operatingPoint')}</th>
                <th scope="col">{t('settings.threshold')}</th>
                <th scope="col">{t('settings.sensitivity')}</th>
                <th scope="col">{t('settings.specificity')}</th>
              </tr>
            </thead>
            <tbody>
              {data.operating_points.flatMap((point) => [
                <tr key={point.name}>
                  <td>
                    {nameOf(point.name)}
                    {point.name === data.default_operating_point && ' ●'}
                  </td>
                  <td>{formatProbability(point.threshold, i18n.language)}</td>
                  <td>{estimate(point.sensitivity)}</td>
                  <td>{estimate(point.specificity)}</td>
                </tr>,
                ...(point.by_scanner ?? []).map((own) => (
                  <tr key={`${point.name} ${JSON.stringify(own.scanner)}`} data-testid="scanner-threshold">
                    <td>
                      {nameOf(point.name)}: {scannerText(own.scanner)} ({t(own.verified ? 'site.verified' : 'site.notVerified')})
                    </td>
                    <td>{formatProbability(own.threshold, i18n.language)}</td>
                    <td>{estimate(own.sensitivity)}</td>
                    <td>{estimate(own.specificity)}</td>
                  </tr>
                )),
              ])}
            </tbody>
          </table>
        </>
      )}
    </section>
  );
}
