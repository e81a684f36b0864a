#pragma once
#include <pthread.h>

namespace vecferry {

/// The calling thread's name as debuggers and profilers show it; at most 15 characters.
inline void NameThread(const char* name) {
#ifdef __APPLE__
  pthread_setname_np(name);
#else
  pthread_setname_np(pthread_self(), name);
#endif
}

}  // namespace vecferry
