#pragma once
// Which sanitizers a test is compiled with, for the few whose subject they take over.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MANGO_THREAD_SANITIZER
#endif
#if __has_feature(address_sanitizer)
#define MANGO_ADDRESS_SANITIZER
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define MANGO_THREAD_SANITIZER
#endif
#if defined(__SANITIZE_ADDRESS__)
#define MANGO_ADDRESS_SANITIZER
#endif
