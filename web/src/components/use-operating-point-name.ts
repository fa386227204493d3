import { useTranslation } from 'react-i18next';

const KNOWN = ['youden', 'f1', 'sensitivity_95', 'sensitivity_99', 'site'] as const;

/** An operating point in words; a name that is not known stays as it is. */
export function useOperatingPointName(): (name: string) => string {
  const { t } = useTranslation();
  return (name) => {
    const known = KNOWN.find((candidate) => candidate === name);
    return known ? t(`operatingPoint.${known}`) : name;
  };
}
