/*
 * The CMOS clock (Motorola MC146818 and what the PC added to it): read once at boot to set the wall
 * clock; dom0 drives it afterwards. Called by the time code on the boot CPU, no lock. The clock may
 * be showing a second that is being changed, may count in BCD or binary, in 12 or 24 hours.
 */
#include <hv/types.h>
#include <arch/processor.h>
#include <arch/rtc.h>

#define CMOS_INDEX 0x70
#define CMOS_DATA  0x71

#define RTC_SECONDS   0x00
#define RTC_MINUTES   0x02
#define RTC_HOURS     0x04
#define RTC_DAY       0x07
#define RTC_MONTH     0x08
#define RTC_YEAR      0x09
#define RTC_STATUS_A  0x0a
#define RTC_STATUS_B  0x0b
#define A_UPDATING    0x80
#define B_24_HOURS    0x02
#define B_BINARY      0x04
#define HOURS_PM      0x80
#define MAX_POLLS     20000 /* an update takes 2 ms, a read about 1 us */
#define MAX_ATTEMPTS  5
#define CENTURY_PIVOT 70 /* years below it are in the 2000s */

struct rtc_time {
    uint8_t seconds, minutes, hours, day, month, year;
};

static uint8_t cmos_read(uint8_t reg)
{
    outb(CMOS_INDEX, reg);
    return inb(CMOS_DATA);
}

static void wait_while_updating(void)
{
    for (unsigned int i = 0; i < MAX_POLLS && (cmos_read(RTC_STATUS_A) & A_UPDATING); i++)
        cpu_relax();
}

static struct rtc_time read_registers(void)
{
    return (struct rtc_time){
        .seconds = cmos_read(RTC_SECONDS),
        .minutes = cmos_read(RTC_MINUTES),
        .hours = cmos_read(RTC_HOURS),
        .day = cmos_read(RTC_DAY),
        .month = cmos_read(RTC_MONTH),
        .year = cmos_read(RTC_YEAR),
    };
}

static bool same_time(const struct rtc_time *a, const struct rtc_time *b)
{
    return a->seconds == b->seconds && a->minutes == b->minutes && a->hours == b->hours &&
           a->day == b->day && a->month == b->month && a->year == b->year;
}

static uint8_t from_bcd(uint8_t v)
{
    return (uint8_t)((v >> 4) * 10 + (v & 0x0f));
}

/* To binary numbers, 24 hours. */
static void normalise(struct rtc_time *t, uint8_t status_b)
{
    bool pm = t->hours & HOURS_PM;

    if (!(status_b & B_24_HOURS))
        t->hours &= (uint8_t)~HOURS_PM;
    if (!(status_b & B_BINARY)) {
        t->seconds = from_bcd(t->seconds);
        t->minutes = from_bcd(t->minutes);
        t->hours = from_bcd(t->hours);
        t->day = from_bcd(t->day);
        t->month = from_bcd(t->month);
        t->year = from_bcd(t->year);
    }
    if (!(status_b & B_24_HOURS))
        t->hours = (uint8_t)(t->hours % 12 + (pm ? 12 : 0));
}

/* Days from 1970-01-01, counted in years that begin in March. */
static uint64_t days_since_1970(unsigned int year, unsigned int month, unsigned int day)
{
    unsigned int y = month > 2 ? year : year - 1;
    unsigned int from_march = (month + 9) % 12;

    return 365UL * y + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

uint64_t rtc_read_utc(void)
{
    struct rtc_time t, again;
    unsigned int year;

    wait_while_updating();
    t = read_registers();
    for (unsigned int i = 0; i < MAX_ATTEMPTS; i++) {
        wait_while_updating();
        again = read_registers();
        if (same_time(&t, &again))
            break;
        t = again;
    }
    normalise(&t, cmos_read(RTC_STATUS_B));
    if (t.seconds > 60 || t.minutes > 59 || t.hours > 23 || t.day < 1 || t.day > 31 ||
        t.month < 1 || t.month > 12 || t.year > 99)
        return 0;
    year = t.year + (t.year < CENTURY_PIVOT ? 2000U : 1900U);
    return days_since_1970(year, t.month, t.day) * 86400 + t.hours * 3600UL + t.minutes * 60UL +
           t.seconds;
}
