import { ActionIcon, Button, Group, Progress, Stack, Text, Title, Tooltip } from '@mantine/core';
import { IconAlertCircle, IconFileZip, IconFolder, IconRefresh, IconX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useState } from 'react';
import { Link } from 'react-router';

import { isPatientUnread } from '@/api/errors';
import { usePatient } from '@/api/patients';
import type { Scan } from '@/api/types';
import pageClasses from '@/components/page.module.css';
import { StageSteps } from '@/components/StageSteps';
import { outcomeOf, VerdictBadge } from '@/components/VerdictBadge';
import { formatBytes } from '@/format/numbers';
import { useCodeTexts } from '@/i18n/problem-text';
import { MismatchMark } from '@/identity/MismatchMark';
import { shownIdentity } from '@/identity/shown-identity';
import { useIdentityTexts } from '@/identity/use-identity-texts';

import { cancelUpload, removeSettled, removeUpload, retryUpload, useUploads, type Upload } from '../api/upload-store';
import { MismatchDialog } from './MismatchDialog';
import classes from './upload.module.css';

const CANCELLABLE = new Set(['waiting', 'packing', 'sending']);

/** Whose study has arrived. */
function StoredIdentity({ scan }: { scan: Scan }) {
  const { t } = useTranslation();
  const texts = useIdentityTexts();
  const patient = usePatient(scan.patient_id);
  const shown = shownIdentity(patient.data, scan.identity, scan.study_date, scan.patient_mismatch);
  const name = shown.name ?? t(scan.patient_id ? 'common.patientLoading' : 'identity.nobodyNamed');
  return (
    <>
      <Text size="xs" data-identity data-testid="upload-identity">
        {[name, ...texts.person(shown), texts.accession(shown), texts.moment(shown)].filter(Boolean).join(' · ')}
      </Text>
      <MismatchMark conflicts={shown.conflicts} />
      {scan.other_content ? (
        <Text size="xs" role="alert" data-testid="other-content">
          {t('upload.otherContent', { count: scan.other_content })}{' '}
          {scan.duplicate_of && <Link to={`/studies/${scan.duplicate_of}`}>{t('common.open')}</Link>}
        </Text>
      ) : null}
    </>
  );
}

/** Refused, because the files name another patient or nobody knows whom: a person decides whose study it is. */
function Mismatch({ upload }: { upload: Upload }) {
  const { t } = useTranslation();
  const [deciding, decide] = useState(false);
  return (
    <>
      <Button size="xs" mt={6} color="red.9" onClick={() => decide(true)}>
        {t('identity.decide')}
      </Button>
      {deciding && <MismatchDialog upload={upload} onClose={() => decide(false)} />}
    </>
  );
}

function UploadProgress({ upload }: { upload: Upload }) {
  const { t, i18n } = useTranslation();
  const { ofCode, ofError } = useCodeTexts();
  const { phase, movedBytes, totalBytes, error, failure } = upload;
  if (phase === 'packing' || phase === 'sending') {
    const percent = totalBytes > 0 ? (movedBytes / totalBytes) * 100 : 0;
    return (
      <Stack gap={4}>
        <Progress value={percent} aria-label={t(`upload.phase.${phase}`)} />
        <Text size="xs" c="var(--text-dim)">
          {t(`upload.phase.${phase}`)}:{' '}
          {t('upload.bytes', { sent: formatBytes(movedBytes, i18n.language), total: formatBytes(totalBytes, i18n.language) })}
        </Text>
      </Stack>
    );
  }
  if (error) {
    const { title, advice } = ofError(error);
    return (
      <div className={classes.refusal} role="alert">
        <IconAlertCircle size={18} aria-hidden />
        <div>
          <b>{title}</b>
          <div>{advice}</div>
          {(error.code === 'patient_mismatch' || isPatientUnread(error)) && <Mismatch upload={upload} />}
        </div>
      </div>
    );
  }
  if (upload.stages.length > 0) {
    return (
      <Stack gap={6}>
        <StageSteps stages={upload.stages} />
        {failure && (
          <Text size="sm">
            <b>{ofCode(failure.code).title}.</b> {ofCode(failure.code).advice}
          </Text>
        )}
      </Stack>
    );
  }
  return (
    <Text size="sm" c="var(--text-dim)">
      {phase === 'stored' ? t('upload.storedOnly') : t(`upload.phase.${phase}`)}
    </Text>
  );
}

function UploadRow({ upload }: { upload: Upload }) {
  const { t, i18n } = useTranslation();
  const { id, name, phase, scanId, fileCount, totalBytes } = upload;
  const FileIcon = fileCount > 1 ? IconFolder : IconFileZip;
  return (
    <li className={classes.row} data-phase={phase} data-testid="upload">
      <FileIcon size={22} stroke={1.5} color="var(--text-dim)" aria-hidden />
      <div className={classes.name}>
        <Text size="sm" fw={600} truncate title={name} data-identity>
          {name}
        </Text>
        <Text size="xs" c="var(--text-dim)">
          {fileCount > 1 && `${t('upload.files', { count: fileCount })} · `}
          {formatBytes(totalBytes, i18n.language)}
        </Text>
        {upload.scan && <StoredIdentity scan={upload.scan} />}
      </div>
      <div className={classes.progress}>
        <UploadProgress upload={upload} />
      </div>
      <div className={classes.outcome}>
        {phase === 'done' ? (
          <VerdictBadge outcome={outcomeOf(upload.status, upload.verdict)} />
        ) : (
          <Text size="sm" c="var(--text-dim)">
            {t(`upload.phase.${phase}`)}
          </Text>
        )}
      </div>
      <Group gap={4} wrap="nowrap" justify="flex-end" className={classes.actions}>
        {scanId && (
          <Button component={Link} to={`/studies/${scanId}`} size="xs" variant={phase === 'done' ? 'filled' : 'default'}>
            {t('upload.openStudy')}
          </Button>
        )}
        {CANCELLABLE.has(phase) && (
          <Tooltip label={t('common.cancel')}>
            <ActionIcon variant="subtle" color="gray" aria-label={t('upload.cancelUpload', { name })} onClick={() => cancelUpload(id)}>
              <IconX size={18} />
            </ActionIcon>
          </Tooltip>
        )}
        {(phase === 'refused' || phase === 'cancelled') && (
          <>
            <Tooltip label={t('common.retry')}>
              <ActionIcon variant="subtle" color="gray" aria-label={t('upload.retryUpload', { name })} onClick={() => retryUpload(id)}>
                <IconRefresh size={18} />
              </ActionIcon>
            </Tooltip>
            <ActionIcon variant="subtle" color="gray" aria-label={t('upload.removeUpload', { name })} onClick={() => removeUpload(id)}>
              <IconX size={18} />
            </ActionIcon>
          </>
        )}
      </Group>
    </li>
  );
}

/** What is on the way and what has come of it. */
export function UploadQueue() {
  const { t } = useTranslation();
  const uploads = useUploads();
  if (uploads.length === 0) {
    return null;
  }
  return (
    <>
      <Group justify="space-between">
        <Title order={2} size="h4">
          {t('upload.queue')}
        </Title>
        <Button variant="subtle" color="gray" size="xs" onClick={removeSettled}>
          {t('upload.clearDone')}
        </Button>
      </Group>
      <ul className={`${pageClasses.card ?? ''} ${classes.list ?? ''}`}>
        {uploads.map((upload) => (
          <UploadRow key={upload.id} upload={upload} />
        ))}
      </ul>
    </>
  );
}
