import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';

import { Page } from '@/components/Page';
import { Erasure, ErasureForm } from '@/features/personal-data';

/** What was deleted with a patient's record. */
export function ErasurePage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { patientId = '' } = useParams();
  return (
    <Page title={t('personalData.erasureTitle')} subtitle={t('personalData.erasureSubtitle')}>
      <ErasureForm key={patientId} patientId={patientId} onAsk={(number) => void navigate(`/erasures/${number}`)} />
      {patientId && <Erasure key={`of ${patientId}`} patientId={patientId} />}
    </Page>
  );
}
