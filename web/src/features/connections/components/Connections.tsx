import { Skeleton, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { useConnections } from '@/api/connections';
import type { Connection } from '@/api/types';
import { ErrorNotice } from '@/components/ErrorNotice';
import pageClasses from '@/components/page.module.css';
import { ScrollTable } from '@/components/ScrollTable';
import { useDeliveryReason } from '@/i18n/delivery-reason';
import { formatMoment } from '@/format/dates';
import { formatNumber } from '@/format/numbers';

import { EchoTest } from './EchoTest';

const COLUMNS = ['system', 'way', 'address', 'lastSuccess', 'lastFailure', 'test'] as const;

/** Names: the same in every language. */
const SERVICES: Record<Connection['service'], string> = { dicom: 'DICOM', dicom_web: 'DICOMweb', hl7: 'HL7 v2', fhir: 'FHIR', webhook: 'Webhook' };

/** The systems that Norma speaks with: whether they answer, what went over the wire last; and who sends studies. */
export function Connections() {
  const { t, i18n } = useTranslation();
  const reasonText = useDeliveryReason();
  const { data, error, refetch } = useConnections();
  const number = (value: number): string => formatNumber(value, i18n.language, 0);
  const moment = (at: string | null | undefined): string => (at ? formatMoment(at, i18n.language) : '–');
  return (
    <section className={pageClasses.padded} aria-labelledby="connections">
      <Title order={2} size="h4" id="connections" mb="xs">
        {t('connections.title')}
      </Title>
      {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton h={90} />}
      {data && (
        <Text size="sm" c="var(--text-dim)" mb="sm">
          {data.node
            ? t('connections.node', { title: data.node.ae_title, address: data.node.address, tls: data.node.is_encrypted ? t('connections.withTls') : t('connections.withoutTls') })
            : t('connections.noNode')}
        </Text>
      )}
      {data && data.items.length > 0 && (
        <ScrollTable label={t('connections.title')} testId="connections">
          <thead>
            <tr>
              {COLUMNS.map((column) => (
                <th key={column} scope="col">
                  {t(`connections.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.items.map((connection) => (
              <tr key={`${connection.way} ${connection.name}`}>
                <th scope="row">
                  {connection.name}
                  {connection.ae_title && (
                    <Text size="xs" c="var(--text-dim)">
                      {connection.ae_title}
                    </Text>
                  )}
                </th>
                <td>
                  {t(`connections.wayOf.${connection.way}`)}
                  <Text size="xs" c="var(--text-dim)">
                    {SERVICES[connection.service]}, {connection.is_encrypted ? t('connections.withTls') : t('connections.withoutTls')}
                  </Text>
                </td>
                <td>{connection.address}</td>
                <td>{moment(connection.last_success_at)}</td>
                <td>
                  {moment(connection.last_failure_at)}
                  {connection.last_failure_code && (
                    <Text size="xs" c="var(--text-dim)">
                      {reasonText(connection.last_failure_code).title}
                      {connection.last_peer_status && ` · ${connection.last_peer_status}`}
                    </Text>
                  )}
                </td>
                <td>
                  <EchoTest connection={connection} />
                </td>
              </tr>
            ))}
          </tbody>
        </ScrollTable>
      )}
      {data && data.callers.length > 0 && (
        <ScrollTable label={t('connections.callers')} testId="callers">
          <thead>
            <tr>
              <th scope="col">{t('connections.caller')}</th>
              <th scope="col">{t('connections.lastSent')}</th>
              <th scope="col" className={pageClasses.number}>
                {t('connections.taken')}
              </th>
              <th scope="col" className={pageClasses.number}>
                {t('connections.refused')}
              </th>
              <th scope="col">{t('connections.lastRefused')}</th>
            </tr>
          </thead>
          <tbody>
            {data.callers.map((caller) => (
              <tr key={caller.ae_title}>
                <th scope="row">{caller.ae_title}</th>
                <td>{moment(caller.last_at)}</td>
                <td className={pageClasses.number}>{number(caller.taken)}</td>
                <td className={pageClasses.number}>{number(caller.refused)}</td>
                <td>
                  {moment(caller.last_refused_at)}
                  {caller.last_refusal && ` · ${caller.last_refusal}`}
                </td>
              </tr>
            ))}
          </tbody>
        </ScrollTable>
      )}
    </section>
  );
}
