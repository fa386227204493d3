import { Skeleton, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch, IconSearchOff, IconUsers } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';

import { usePatients } from '@/api/patients';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Notice } from '@/components/Notice';
import pageClasses from '@/components/page.module.css';
import { ScrollTable } from '@/components/ScrollTable';
import { Pager } from '@/components/Pager';
import { formatDateTime } from '@/format/dates';
import { registeredName } from '@/identity/shown-identity';
import { useIdentityTexts } from '@/identity/use-identity-texts';
import { useSettings } from '@/settings/settings';

/** Patients by name, with search. */
export function PatientList() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const texts = useIdentityTexts();
  const [{ pageSize: limit }] = useSettings();
  const [search, setSearch] = useState('');
  const [settled] = useDebouncedValue(search, 250);
  const [offset, setOffset] = useState(0);
  const { data, error, isPending, isPlaceholderData, refetch } = usePatients({ search: settled, limit, offset });

  return (
    <>
      <TextInput
        label={t('patients.searchLabel')}
        leftSection={<IconSearch size={16} />}
        w={320}
        value={search}
        onChange={(event) => {
          setSearch(event.currentTarget.value);
          setOffset(0);
        }}
      />
      <div className={pageClasses.card}>
        {isPending && <Skeleton h={240} radius={0} />}
        {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {data && data.items.length === 0 && (
          <Notice
            NoticeIcon={settled ? IconSearchOff : IconUsers}
            title={t(settled ? 'patients.noMatch' : 'patients.empty')}
            detail={settled ? undefined : t('patients.emptyDetail')}
          />
        )}
        {data && data.items.length > 0 && (
          <ScrollTable label={t('patients.table')}>
            <thead>
              <tr>
                <th scope="col">{t('patients.name')}</th>
                <th scope="col">{t('identity.attribute.patient_id')}</th>
                <th scope="col">{t('identity.attribute.birth_date')}</th>
                <th scope="col">{t('identity.attribute.sex')}</th>
                <th scope="col">{t('patients.description')}</th>
                <th scope="col">{t('patients.created')}</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((patient) => (
                <tr
                  key={patient.id}
                  data-link
                  data-stale={isPlaceholderData}
                  onClick={() => void navigate(`/patients/${patient.id}`)}
                >
                  <td>
                    <Text component={Link} to={`/patients/${patient.id}`} size="sm" fw={600} c="inherit" data-identity>
                      {registeredName(patient)}
                    </Text>
                  </td>
                  <td data-identity>{patient.dicom_patient_id ?? '–'}</td>
                  <td data-identity>{texts.date(patient.birth_date) ?? '–'}</td>
                  <td data-identity>{texts.sex(patient.sex) ?? '–'}</td>
                  <td>
                    <Text size="sm" c="var(--text-dim)" lineClamp={1} maw={480} data-identity>
                      {patient.description || '–'}
                    </Text>
                  </td>
                  <td>{formatDateTime(patient.created_at, i18n.language)}</td>
                </tr>
              ))}
            </tbody>
          </ScrollTable>
        )}
        {data && <Pager total={data.total} limit={limit} offset={offset} onOffset={setOffset} />}
      </div>
    </>
  );
}
