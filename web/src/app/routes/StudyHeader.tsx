import { ActionIcon, Button, Group, Menu, Text, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconArrowLeft, IconChevronLeft, IconChevronRight, IconDotsVertical, IconDownload, IconPrinter, IconTrash, IconUserShare } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';

import { useDeleteScan } from '@/api/scans';
import type { Patient, Report, Scan } from '@/api/types';
import { ConfirmDialog } from '@/components/ConfirmDialog';
import { MoveStudyDialog } from '@/features/patients';
import { MismatchMark } from '@/identity/MismatchMark';
import { dicomName, shownIdentity } from '@/identity/shown-identity';
import { useIdentityTexts } from '@/identity/use-identity-texts';
import { listAddress, type Neighbours } from '@/reading-list/reading-list';

import classes from './study.module.css';

interface StudyHeaderProps {
  scan: Scan | undefined;
  patient: Patient | undefined;
  report: Report | undefined;
  neighbours: Neighbours;
  onGoTo: (scanId: string) => void;
}

/** Whose study it is, the way to the next one, and what can be taken away. */
export function StudyHeader({ scan, patient, report, neighbours, onGoTo }: StudyHeaderProps) {
  const { t } = useTranslation();
  const texts = useIdentityTexts();
  const navigate = useNavigate();
  const [deleting, ask] = useDisclosure(false);
  const [moving, move] = useDisclosure(false);
  const remove = useDeleteScan();
  const { previous, next, position, total } = neighbours;
  const shown = shownIdentity(patient, scan?.identity, scan?.study_date, scan?.patient_mismatch);
  // While the record is on its way the files' name must not stand for it.
  const loading = !scan || (scan.patient_id !== null && scan.patient_id !== undefined && !patient);
  const name = loading ? t('common.patientLoading') : (shown.name ?? t('common.noPatient'));
  const files = scan?.identity;
  const reportUrl = report ? `/api/analyses/${report.analysis_id}/report` : '';
  return (
    <div className={classes.header}>
      <Tooltip label={`${t('study.back')} (W)`}>
        <ActionIcon component={Link} to={listAddress()} variant="subtle" color="gray" size="lg" aria-label={t('study.back')}>
          <IconArrowLeft size={20} />
        </ActionIcon>
      </Tooltip>
      <div className={classes.who}>
        <h1 data-identity>
          {patient ? (
            <Link to={`/patients/${patient.id}`} className={classes.patientLink}>
              {name}
            </Link>
          ) : (
            name
          )}
        </h1>
        <Text size="xs" c="var(--text-dim)" truncate data-identity>
          {[...texts.person(shown), texts.accession(shown), texts.moment(shown), scan?.description || scan?.file_name].filter(Boolean).join(' · ')}
        </Text>
        {shown.conflicts.length > 0 && (
          <div className={classes.mismatch}>
            <MismatchMark conflicts={shown.conflicts} />
            <Text size="xs" data-identity>
              {[dicomName(files?.patient_name), ...texts.person(shownIdentity(null, files, null))].filter(Boolean).join(' · ')}
            </Text>
          </div>
        )}
      </div>
      <Group gap={6} wrap="nowrap">
        {report && (
          <>
            <Button component={Link} to={`/print/${report.scan_id}`} size="xs" variant="default" leftSection={<IconPrinter size={15} />}>
              {t('study.report')}
            </Button>
            <Menu position="bottom-end" shadow="md">
              <Menu.Target>
                <Button size="xs" variant="default" leftSection={<IconDownload size={15} />}>
                  {t('study.download')}
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item component="a" href={`${reportUrl}?format=json`} download={`norma-${report.analysis_id}.json`}>
                  {t('study.json')}
                </Menu.Item>
                <Menu.Item component="a" href={`${reportUrl}?format=csv`} download={`norma-${report.analysis_id}.csv`}>
                  {t('study.csv')}
                </Menu.Item>
                <Menu.Item component="a" href={`${reportUrl}?format=xlsx`} download={`norma-${report.analysis_id}.xlsx`}>
                  XLSX
                </Menu.Item>
                <Menu.Divider />
                <Menu.Item component="a" href={`/api/scans/${report.scan_id}/file`}>
                  {t('study.original')}
                </Menu.Item>
              </Menu.Dropdown>
            </Menu>
          </>
        )}
        {scan && (
          <Menu position="bottom-end" shadow="md">
            <Menu.Target>
              <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('common.actions')}>
                <IconDotsVertical size={18} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<IconUserShare size={16} />} onClick={move.open}>
                {t('identity.moveMenu')}
              </Menu.Item>
              <Menu.Item c="var(--pathology)" leftSection={<IconTrash size={16} />} onClick={ask.open}>
                {t('worklist.deleteStudy')}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
        <Group gap={2} wrap="nowrap" className={classes.neighbours}>
          <Tooltip label={`${t('study.previous')} (P)`}>
            <ActionIcon
              variant="default"
              size="lg"
              aria-label={t('study.previous')}
              disabled={!previous}
              onClick={() => previous && onGoTo(previous)}
            >
              <IconChevronLeft size={18} />
            </ActionIcon>
          </Tooltip>
          <Text size="sm" px={8} data-testid="list-position" style={{ whiteSpace: 'nowrap' }}>
            {position > 0 ? t('study.position', { position, total }) : '–'}
          </Text>
          <Tooltip label={`${t('study.next')} (N)`}>
            <ActionIcon variant="default" size="lg" aria-label={t('study.next')} disabled={!next} onClick={() => next && onGoTo(next)}>
              <IconChevronRight size={18} />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
      {moving && scan && <MoveStudyDialog scan={scan} onClose={move.close} />}
      <ConfirmDialog
        opened={deleting}
        title={t('worklist.deleteTitle')}
        detail={t('worklist.deleteDetail')}
        confirm={t('worklist.deleteStudy')}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => scan && remove.mutate(scan.id, { onSuccess: () => void navigate(listAddress()) })}
        onClose={() => {
          remove.reset();
          ask.close();
        }}
      />
    </div>
  );
}
